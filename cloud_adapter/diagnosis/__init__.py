"""From a picture to a typed diagnosis: labels, prompts, the cascade of questions, the reviewed table of advice."""
