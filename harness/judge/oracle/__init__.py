"""What a correct proxy had to do, computed from the script and the contract."""
