"""What experiments found, shown: tables, figures, pictures of patients, one page."""
