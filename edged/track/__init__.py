"""The frame track: frames in nameless shared memory, one writer, any number of readers.

``layout`` says where everything lies, ``memory`` allocates it (main), ``locks`` say who may touch a
slot and what orders what, ``mapping`` is one process's view, ``writer`` and ``reader`` are what
capture and workers use. Only the last three need numpy, so main imports the first two by name.
"""
