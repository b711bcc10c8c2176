"""What each verb needs of the API server, and the roles that grant it."""
