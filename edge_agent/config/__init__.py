"""The config file: its values (`Config`), how it is read (`load_config`) and checked (`check`)."""

from edge_agent.config.loading import config_schema, load_config, load_with_warnings
from edge_agent.config.models import CameraConfig, Config, EvidenceConfig, LanguageConfig, ModelConfig
from vision.delivery.env import EnvText

__all__ = [
    "CameraConfig",
    "Config",
    "EnvText",
    "EvidenceConfig",
    "LanguageConfig",
    "ModelConfig",
    "config_schema",
    "load_config",
    "load_with_warnings",
]
