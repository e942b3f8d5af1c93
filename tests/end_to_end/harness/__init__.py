"""What the end-to-end tests stand on: real processes, scripted backends, raw clients. Standard library only."""
