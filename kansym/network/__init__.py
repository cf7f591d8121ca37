"""Networks of splines and functions: from data to a trained and pruned network, in torch."""

from kansym.network.devices import check_device, choose_device, train_on
from kansym.network.history import TrainingResult, TrainingStep
from kansym.network.joining import join, widen_inputs
from kansym.network.kan import KAN
from kansym.network.layer import KANLayer
from kansym.network.pruning import Attribution, PruningResult, attribute, prune
from kansym.network.quantisation import load_quantised_state, quantised_state
from kansym.network.records import EdgeCurve, EdgeIndex, EdgeState
from kansym.network.schedule import ScheduleResult, Stage, train_schedule
from kansym.network.surgery import blank_network, stack
from kansym.network.training import train, train_restarts

__all__ = [
    "KAN",
    "Attribution",
    "EdgeCurve",
    "EdgeIndex",
    "EdgeState",
    "KANLayer",
    "PruningResult",
    "ScheduleResult",
    "Stage",
    "TrainingResult",
    "TrainingStep",
    "attribute",
    "blank_network",
    "check_device",
    "choose_device",
    "join",
    "load_quantised_state",
    "prune",
    "quantised_state",
    "stack",
    "train",
    "train_on",
    "train_restarts",
    "train_schedule",
    "widen_inputs",
]
