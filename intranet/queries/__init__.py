"""Every select, by subject. Visibility is enforced here: what an actor may not see does not come back."""
