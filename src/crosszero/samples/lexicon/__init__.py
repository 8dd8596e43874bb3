"""Word pairs from bilingual word lists: ``lists`` reads them, ``finder`` looks them up in texts."""
