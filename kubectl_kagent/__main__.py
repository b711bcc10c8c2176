"""python -m kubectl_kagent."""

from kubectl_kagent.cli import main

main()
