"""Config files: YAML with the line of every value, validated by pydantic, told in the words of a person."""
