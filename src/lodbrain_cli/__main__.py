"""``python -m lodbrain_cli`` is ``lodbrain``."""

from .cli.main import main

if __name__ == "__main__":
    main()
