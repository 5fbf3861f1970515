"""``python -m twolayer`` is the command line."""

from twolayer.cli import main

if __name__ == "__main__":
    main()
