"""From a video to the frames that somebody needs: no more is decoded than that takes."""
