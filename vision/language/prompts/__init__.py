"""Prompts: what a language model is asked about an event, and how names from outside get into it."""

from __future__ import annotations

from vision.language.prompts.book import Prompt, prompt_for, prompts
from vision.language.prompts.plain import plain, quoted
from vision.language.prompts.task import CameraContext, PromptOverride, Shown, facts_for, system_text, task_for

__all__ = [
    "CameraContext",
    "Prompt",
    "PromptOverride",
    "Shown",
    "facts_for",
    "plain",
    "prompt_for",
    "prompts",
    "quoted",
    "system_text",
    "task_for",
]
