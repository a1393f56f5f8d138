"""The line's view of many verdicts: shift report, review by people, a new model beside the old one."""
