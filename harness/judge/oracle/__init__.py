"""The oracle: what a correct proxy must do, computed from script and contract."""
