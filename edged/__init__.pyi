"""What type checkers see of the names that `edged/__init__.py` loads when they are first asked for."""

from edged.algorithm import Algorithm as Algorithm
from edged.algorithm import AlgorithmError as AlgorithmError
from edged.algorithm import AlgorithmParams as AlgorithmParams
from edged.algorithm import BaseAlgo as BaseAlgo
from edged.algorithm import Context as Context
from edged.algorithm import Detection as Detection
from edged.algorithm import Frame as Frame
from edged.algorithm import Outcome as Outcome
from edged.offline.analyze import analyze as analyze
from edged.offline.engine.hook import AnalyzedFrame as AnalyzedFrame
from edged.offline.engine.result import Event as Event
from edged.offline.engine.result import Progress as Progress
from edged.offline.engine.result import Result as Result
