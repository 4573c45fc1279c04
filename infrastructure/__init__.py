"""Where the platform runs: AWS, and this machine."""
