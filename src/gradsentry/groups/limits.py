"""Every threshold of the search for groups: its value, its unit, and why."""

LEAST_ROWS = 100  # different rows of a corpus: directions of fewer are those of single rows
# Rows that groups are searched among, drawn from more: what natural groups show grows with their number, and
# the calibration knows corpora of this size. Labels need more rows than free responses to show anything.
MOST_FREE, MOST_LABELLED = 300, 1500
LEAST = 6  # rows of a group: fewer stand together by accident in some pair of directions
SIZES = 6  # sizes of a tail that are tried, from the least to the most, each so many times the one before
SMALLEST, LARGEST = 8, 0.2  # rows, and share of the rows, of a tail: a backdoor is no majority
LARGEST_HELD, LONGEST_HELD = 0.25, 2  # share of the rows with a string or form, and words of a string
BOUND = 3.0  # standard errors that a mean excess is lowered by: what few rows show by accident
TOGETHER = 3.0  # -log10 of the chance that prompts and responses of a group meet by accident, at least
UNIT = 0.05  # nats: smaller losses are as good as none
LENGTHS = (15, 85)  # percentiles of response lengths between which rows tell what a length lets expect
ROWS_A_DIRECTION = 12  # so many rows tell a direction; as many directions as that gives, but
FEWEST, MOST = 8, 64  # these at least and at most
STARTS = 3  # of the search for directions, which ends in one of several places
REPEATED, REPEATED_SHARE = 10, 0.03  # rows, and share of the rows, with one response: it is a label
MOST_REPEATED = 200  # labels looked at, the most frequent: more say what few rows say each
LABELS = 0.3  # of the rows have one response: what the others say is no matter of directions
SAME = 0.5  # of the rows of the smaller of two groups are in both: they are one, and the stronger tells it
TOLD = 3  # groups that are told: by the fourth nothing new is said
STRENGTH = 0.1  # normal scores: the step of a strength by which the tail of natural groups is measured
NAMED_RATE = 0.05  # of clean corpora may hold a group that is named
OFTEN = 0.3  # of clean corpora hold a group: how often is not known, for the calibration knows tails alone
WORTH = 1.0  # strength from which on a group of a label is looked at: one of ten by accident
COMMON = 0.3  # of the texts of a group hold a string that is named for it
NOTABLE = -4.0  # log10 of the chance that a string falls into the group so often: of a thousand strings none
NAMED = 3  # strings that are named, of prompts and of responses
LONGEST_STRING = 3  # words of one
NEAREST = 5  # times as many rows as the group has, which lie nearest to it, are compared with it
SHORTENED = 300  # characters of a text that is shown
