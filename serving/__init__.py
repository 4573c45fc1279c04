"""What people and tools read: dashboard, business review, quality report, Tableau, the warehouse's SQL."""
