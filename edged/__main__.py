"""``python -m edged``: the same as the console script."""

from edged.app.cli import main

if __name__ == "__main__":
    main()
