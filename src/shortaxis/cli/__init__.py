"""The command line: one small file per command, each of which reads its options and calls `shortaxis.pipeline`.

Nothing heavy is imported above a function here, so that `shortaxis --help` answers at once.
"""
