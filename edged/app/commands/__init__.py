"""One file per command of ``edged``. Each imports what it needs when it runs, so that help is quick."""
