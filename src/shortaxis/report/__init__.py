"""What people read: a case's page and a cohort's, tables, figures, the manifest. Nothing is computed here, only shown."""
