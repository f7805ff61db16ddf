"""What one trial is: frozen, complete and valid from birth. No torch in here, so that anyone may speak of a trial.

Source of the strategies: Stutz, Hein and Schiele, CVPR 2019 (arXiv 1812.00740), section 3 and supplementary material.
"""

from trainables.config.data import DATASETS, FEWEST, TEST_SIZES, VARIANTS, DataConfig, Dataset
from trainables.config.manifold import LatentBox, LearnedConfig, VaeGanConfig
from trainables.config.manifold_trial import VAEGAN, AnyTrialConfig, ManifoldTrialConfig, trial_from_dict
from trainables.config.measurement import CHECKPOINTS, Checkpoint, EvaluationConfig, NormName, ThreatModel, ThreatName
from trainables.config.training import FUSED_STEPS, PRECISIONS, OptimiserConfig, Precision, RoleConfig
from trainables.config.trial import ARCHITECTURES, CAPACITY_QUANTUM, Architecture, TrialConfig, digest

__all__ = [
    "ARCHITECTURES",
    "CAPACITY_QUANTUM",
    "CHECKPOINTS",
    "DATASETS",
    "FEWEST",
    "FUSED_STEPS",
    "PRECISIONS",
    "TEST_SIZES",
    "VAEGAN",
    "VARIANTS",
    "AnyTrialConfig",
    "Architecture",
    "Checkpoint",
    "DataConfig",
    "Dataset",
    "EvaluationConfig",
    "LatentBox",
    "LearnedConfig",
    "ManifoldTrialConfig",
    "NormName",
    "OptimiserConfig",
    "Precision",
    "RoleConfig",
    "ThreatModel",
    "ThreatName",
    "TrialConfig",
    "VaeGanConfig",
    "digest",
    "trial_from_dict",
]
