"""stream_infer in its realtime mode, run by the Python of `.venv-peer`: ``peer_program.py FILM PRODUCER``.

As its README has it: a dispatcher shared between processes, a player that plays the film at its own rate,
an algorithm that does nothing at 10 runs a second. Says ``run TIME`` (monotonic) at each run.
"""

import sys
import time

from stream_infer import Inference, Player
from stream_infer.algo import BaseAlgo
from stream_infer.dispatcher import Dispatcher
from stream_infer.producer import OpenCVProducer, PyAVProducer

INTERVAL_S = 0.1
PRODUCERS = {"opencv": OpenCVProducer, "pyav": PyAVProducer}


class Trivial(BaseAlgo):
    def init(self):
        pass

    def run(self, frames):
        print(f"run {time.monotonic():.6f}", flush=True)
        return {}


def main():
    film, producer = sys.argv[1:3]
    # "buffer = max(frame_count * (frame_step if frame_step else 1))" is what it recommends
    dispatcher = Dispatcher.create(mode="realtime", buffer=1, logging_level="ERROR")
    player = Player(dispatcher, PRODUCERS[producer](), source=film, show_progress=False)
    inference = Inference(dispatcher, player)
    inference.load_algo(Trivial("trivial"), frame_count=1, frame_step=0, interval=INTERVAL_S)
    inference.start(fps=30)


if __name__ == "__main__":
    main()
