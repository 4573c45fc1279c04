"""The warehouse's SQL, and how statements are executed."""
