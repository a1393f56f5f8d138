"""Quality inspection on pictures: a recipe over folders of them, verdicts that can be made again, a report."""
