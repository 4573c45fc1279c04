"""AWS: the stack, what is deployed to it, and what its errors mean."""
