"""stream_infer in its offline mode, run by the Python of `.venv-peer`: ``… FILM MODEL EVERY PRODUCER``.

As its README has it: an offline dispatcher, a player, and an algorithm that runs YOLOX-nano on every
EVERY-th frame. What the model answers is thrown away, in its favour. Prints ``SECONDS RUNS`` of the run,
without what loading took.
"""

import sys
import time

import cv2
import numpy as np
import onnxruntime as ort
from stream_infer import Inference, Player
from stream_infer.algo import BaseAlgo
from stream_infer.dispatcher import Dispatcher
from stream_infer.producer import OpenCVProducer, PyAVProducer

PRODUCERS = {"opencv": OpenCVProducer, "pyav": PyAVProducer}
SIDE = 416


class Yolox(BaseAlgo):
    runs = 0

    def init(self, model):
        self.session = ort.InferenceSession(model)
        self.name_of_input = self.session.get_inputs()[0].name

    def run(self, frames):
        frame = frames[-1]
        scale = min(SIDE / frame.shape[0], SIDE / frame.shape[1])
        small = cv2.resize(frame, (round(frame.shape[1] * scale), round(frame.shape[0] * scale)))
        canvas = np.full((SIDE, SIDE, 3), 114, dtype=np.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small
        tensor = canvas.transpose(2, 0, 1)[None].astype(np.float32)
        self.session.run(None, {self.name_of_input: tensor})
        self.runs += 1
        return {}


def main():
    film, model, every, producer = sys.argv[1:5]
    dispatcher = Dispatcher.create(mode="offline", buffer=1, logging_level="ERROR")
    player = Player(dispatcher, PRODUCERS[producer](), source=film, show_progress=False)
    inference = Inference(dispatcher, player)
    algo = Yolox("yolox")
    fps = round(player.fps)
    inference.load_algo(algo, frame_count=1, frame_step=0, interval=int(every) / fps, model=model)
    began = time.perf_counter()
    inference.start(fps=fps)
    print(f"{time.perf_counter() - began:.3f} {algo.runs}")


if __name__ == "__main__":
    main()
