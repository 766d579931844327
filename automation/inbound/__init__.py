"""What came back from the world, taken in: one thing that happened becomes rows, once each."""
