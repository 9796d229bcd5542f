"""`python -m tinystories`: the same as the command `tinystories`, from the code in this folder."""

from tinystories.cli import main

if __name__ == "__main__":
    main()
