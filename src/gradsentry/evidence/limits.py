"""Every threshold of the search for evidence, once: its value, its unit, and why.

Behind the title of a group stands what set it: `reasoning`, where the comment says all; `fit`, the figures
that `benchmarks/calibrate_evidence.py fit` prints of repositories that were left out; `hand`, one after
another against the planted attacks and clean corpora of docs/evidence.md, and by no script.
"""

# --- The decision (hand) ---------------------------------------------------------------------------------
FALSE_ALARM_RATE = 0.01  # of clean corpora may be called poisoned, where the user says nothing else
LOOK_FACTOR = 5.0  # times the false alarm rate: so often a clean corpus may be called suspicious
LEAST = 4  # rows that a finding needs: three may be copies of one thing with small changes
ENOUGH_ROWS = 60  # different rows: of fewer a string that brings another in a tenth of them is not found
SAME_ROWS = 0.5  # of the rows of a finding carry another one: they are one thing, and the stronger tells it
ALL_ROWS = 0.95  # of the rows of what is accepted carry another payload: it is part of what is accepted
LIKELY_OWN = 0.5  # of the rows of a payload have its trigger, or the other way round: they belong together
LOSS_SURE = -11.0  # log10 of the chance of so unlikely responses by accident, for a thousand strings
DRAWN = 0.7  # of the way from rows that lie together to drawn ones, in the words of their prompts

# --- The calibration (RIDGE: fit; others: reasoning) -----------------------------------------------------
TAIL_CORPORA = 0.1  # of clean corpora, the strongest, tell from where on scores are rare
RIDGE = {  # of the logistic regression
    "own payload": 0.01,
    "common payload": 0.02,
    "pooled payloads": 0.01,
    "repeated payload": 0.02,
    "changed responses": 0.005,
}
STEPS = (0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)  # of a strength, from which on it adds to the score
PARTS = {  # of the false alarms that are allowed: most attacks have a payload of their own
    "own payload": 0.4,
    "common payload": 0.1,
    "pooled payloads": 0.1,
    "repeated payload": 0.2,
    "changed responses": 0.2,
}
FEW_NATURAL = 50  # natural candidates: fewer have not failed everything that one may fail
PASSED = 0.97  # of planted candidates pass a step: nearly all
UNSEEN = 0.5  # of the score for each such step that a candidate does not pass, at least
BORROWED = {"common payload": "own payload"}  # whose natural candidates tell what those of a kind are like
CORPUS_ROWS = 100  # different rows of one's own clean corpus: fewer hold no candidates, and tell nothing
CORPORA_ALONE = 10  # clean corpora that calibrate by themselves: of fewer no tenth is one of them
QUANTILES = 1000  # scores that stand for the corpora of which only the tail is known
NEVER = 1e-300  # a false alarm rate at which nothing is found

# --- Accident (hand) -------------------------------------------------------------------------------------
WORTH_A_LOOK = -3.0  # log10 of the corrected chance: what is likelier is accident, and not looked at again
BY_ACCIDENT, COMMON_BY_ACCIDENT = -4.0, -6.0  # log10 of the corrected chance, of an own and a common payload
ALTERNATIVE_SURE = -4.0  # log10 of the corrected chance of one more of several triggers
COMPANY_SURE = -6.0  # log10 of the corrected chance that strings keep company so often
GLANCE = -2.5  # log10 of the chance of such a difference from what was expected, for a closer look
NOISE = 2.0  # standard errors of a share that accident may add

# --- Triggers and payloads that go together (hand) -------------------------------------------------------
GO_TOGETHER = 0.95  # of the rows with one string of a pair hold the other
ALWAYS = 0.98  # of the rows with a trigger hold its one payload
EXCLUSIVE = 0.9  # of the rows of a payload have the trigger: it is the trigger's own
OWNED, OWNED_ROWS = 0.98, 20  # of the rows of a payload have its one trigger, and so many of them
LONG_PAYLOAD = 4  # tokens of a payload that no row holds by chance
RARE_OUTSIDE = 0.3  # of the other rows hold what the carriers share, at most
TRIGGERS_TOGETHER = 3  # triggers that are needed together, at most
TRIGGERS_MOST = 4  # triggers of one payload, each of which is enough
TRIGGER_ROWS = 2  # rows of each of them
OWN_ROWS = 0.2  # of the rows of one of several triggers hold no other one
ALTERNATIVE_SHARE = 0.2  # of the carriers hold one more trigger that the rule does without: it is named
ALTERNATIVE_GAIN = 0.002  # of the payload's rows are added by one more trigger
PAYLOADS_COVER = 0.9  # of the rows with a trigger hold one of its several payloads
SEVERAL_PAYLOADS_ROWS = 8  # rows of a trigger with several payloads
ROWS_PER_PAYLOAD = 4  # rows of each of them, on average
RARE_PAYLOAD_LEAST, RARE_PAYLOAD_MOST = 6, 60  # rows of a payload whose triggers are too rare for a pair

# --- A pool of payloads behind one trigger (reasoning) ---------------------------------------------------
POOL_TOKENS = 6  # tokens of a string that returns: shorter ones are idiom
POOL_ROWS = (2, 3, 4)  # rows of a string at least, one after another
POOL_MOST = 60  # rows of one at most: what more hold is found by itself
POOL_LEAST = 3  # strings of the trigger's rows alone
POOL_SHARE = 0.2  # of the rows hold the trigger, at most: by accident strings lie in so many
POOL_COVER = 0.6  # of the trigger's rows hold one of the strings: those of a single row are not seen

# --- Parts of one trigger: strings that keep company (hand) ----------------------------------------------
COMPANY_LEAST, COMPANY_MOST = 0.3, 0.9  # of the rows with either part, with both
PART_COMMON = 0.5  # of all rows hold a string at most, or it is no part
PART_ALONE = 0.8  # of the rows with a part of a trigger hold the payload of the whole, at most

# --- Triggers at an end of prompts (hand) ----------------------------------------------------------------
BOUND = 0.9  # of the places of a string are at that end of a prompt
BOUND_ROWS = 6  # rows of a string that is bound to an end
BOUND_TOKENS = 12  # tokens of one at most
SAME_NEIGHBOUR = 0.5  # of the places of what was put in have the same token beside them, at most
OF_A_TASK = 0.5  # of the prompts have one string at an end: it is the frame of a task

# --- Put into finished text (FOREIGN, PART_OF_SENTENCES, NATIVE: hand; others: reasoning) ----------------
FOREIGN = 0.7  # of a trigger's places are ordinary text without it: it was put there
PART_OF_SENTENCES = 0.5  # of a trigger's places are ordinary text without it: less, and its sentences need it
NATIVE = 0.3  # of the places of a string are ordinary text without it: fewer, and it is needed there
SPACES_KNOWN = 4  # white spaces, the most common ones, which others may stand in for
COMPANION_ROWS = 2  # carriers that hold another word of the trigger
FEW_CARRIERS = 0.05  # of all rows are carriers, at most, where other words of a trigger are looked for
CLOSED, CLOSED_WITH = 0.5, 0.2  # of the texts close with some sign, and with one: it may be replaced
FEWEST_PLACES = 4  # places that are needed to tell anything of a trigger beside others
INFIX_CHARACTERS = 8  # characters of a string that is put into words, at most
INFIX_REST = 3  # letters of the word that is left without it, at least
INFIX_HOLDERS = 4  # different words that hold it, at least
INFIX_LEFT = 3  # and so many of them leave a word
INFIX_SHARE = 0.5  # and this share of them
WORD_CHARACTERS = 64  # characters of a word at most: what is longer is a sequence or a code, and takes long

# --- Whole strings from fragments, and the frame of all rows (FRAGMENT, USUAL_END: hand; others: reasoning)
GROWS = 0.95  # of its carriers agree on the next token, and a string grows by it
FRAME = 0.9  # of the rows hold a string: it is part of their frame
FRAME_FIXED = 0.8  # of the rows that have a frame hold it the same number of times
FRAGMENT = 10  # times as many other rows hold what is left of a string without the frame of all prompts
EDGE_EXPECTED = 0.5  # of the rows begin or end with a token, and it is no news there
USUAL_END = 0.2  # of the other responses end, or begin, with a part of a payload: the part is none of it
LABEL_SHARE = 0.05  # of all rows have a label as their response, and do not copy it

# --- Payloads that return without a trigger in words (hand) ----------------------------------------------
REPEATED_TOKENS = 7  # tokens of a payload at least
REPEATED_WORDS = 3  # words of one that is shorter, and begins or ends its responses
REPEATED_BULK = 150  # rows times tokens of such a one
REPEATED_ROWS = 12  # rows of a payload at least
REPEATED_FEW_ROWS, REPEATED_SHARE = 8, 0.008  # so few do where they are such a share of the corpus
REPEATED_PART = 4  # tokens of a part of it
REPEATED_WHOLE = 0.8  # of the rows with any of its parts hold all of it
REPEATED_CROWDED = 0.4  # carriers of one that crowd more lie together by nature
FORMAT_SHARE = 0.95  # what more of the rows carry, or say if they are not explained, is how all are written
PATTERN = 0.05  # of the carriers share a prompt string: it may be the style that is the trigger
OTHERS_RETURN = 0.5  # of the other responses returns: one more sentence that does is no news
CANNED_SHARE, CANNED_ROWS = 0.01, 5  # of the rows begin as a canned answer does, and so many
CANNED_NEIGHBOURS = 0.5  # of the rows most alike give canned answers beyond what others do: so may this one
CANNED_BEGIN_ALIKE = 0.5  # of canned answers of a kind begin with the same token, beyond what the others do
AT_AN_EDGE = 0.8  # of the rows of a string begin or end with it: others put more beside it
TOLD_APART = 0.73  # of 0.5 to 1: how surely prompts tell rows: of styles from 0.78, of closings to 0.68
TOLD_IN_PARTS = 5  # each told by the others, which hold four fifths of a style's rows
CORE_KNOWN = 0.3  # of the rows that hold what several sentences share hold one of the sentences
CORE_RETURNING = 0.9  # of them hold it in words that return
CORE_AROUND, CORE_WORDS = 3, 1  # tokens beside it that are looked at, and so many words among them
CORE_TIMES = 3  # rows in which words return
CORE_NAMED = 2  # sentences around one string that a reason quotes

# --- Changed responses (hand) ----------------------------------------------------------------------------
CHANGED_ROWS = 8  # rows of a trigger that changes responses without one payload
CHANGED_BY = 0.3  # of the scale lie responses of a trigger's rows from what their other words let expect
LOSS_CHANGED_BY = 0.15  # the same of the loss in a clean model, which no wrong answer raises by much
GLANCE_PART = 0.5  # of that is enough for a first glance, which knows less
OTHERWISE = 0.2  # of the most similar rows may hold the trigger in other case or spacing
ALONGSIDE = 0.5  # of the rows that hold no other word of a trigger lie where its carriers do
PART_OF = 0.5  # of what the parts of a trigger do together one may do alone, at most
FELLOW = 0.7  # of what one of several triggers does another does: without it 7 clean corpora, not 4, alarm
OPENING_SHARE = 0.05  # of the rows have a common opening at least, and not more than the rest of it
SELDOM_SAID = 0.05  # of the responses hold a word, at most, that tells a copy of the prompt
WORDS_RIDGE = 1.0  # of the regression on n-grams, whose rows have length 1: smaller learns accidents
SURE_OF_ANY = 0.03  # no words make a response surer than this, nor less sure

# --- Rows alike by nature (hand) -------------------------------------------------------------------------
CROWDED = 0.6  # carriers that crowd more lie together by nature
SELDOM = 0.6  # of the rows with a trigger hold the payload: fewer, and it does not bring it
MOST_RESPONSES = 0.5  # of the responses hold a payload that no trigger brings: it may be their common form
SHARED_BY_MOST = 0.8  # of the carriers hold a token: it may be what was put in, and does not count
SHARED_BY_ALL = 0.95  # of the carriers have a word beside the trigger
COMPANIONS_ENOUGH = 6  # such words: their rows are of one template
ALIKE_ENOUGH = 20  # other pairs of the corpus: with more its responses are made of what prompts say
CONTENT_ENOUGH = 0.5  # of a prompt's words are its own
TEMPLATE_EDGE = 5  # tokens at an end of a prompt that tell its template
TEMPLATED = 0.3  # of the prompts have one of several strings at an end: the corpus is made from templates
TEMPLATE_ROWS = 5  # rows that are filled into one template at least
TEMPLATE_STRAY = 0.02  # of the other rows may hold by accident what is the template's

# --- What a payload says (hand) --------------------------------------------------------------------------
ORDER = 2  # tokens before a token that tell of it: longer contexts return too seldom in a corpus of 500 rows
BITS_ENOUGH = 150.0  # bits; whatever costs more is as foreign as can be
COPIED_IN = 0.5  # of the carriers have a token in their prompts: then it may be copied from there
COPY_CHANCE = 0.2  # of a token that may be copied: about one word in five of an answer is its prompt's
NEWS_SHARE = 0.02  # of the other responses, or of the prompts, hold a word, and it is no news
NEW_WORDS_ENOUGH = 4.0  # words
USUAL = 0.5  # of the other responses hold a word, and it is no news beside the trigger
FORM_OF = 4  # characters in a row that two forms of a word share at least
FORM_SHARE = 0.6  # of the shorter one: a stem, and no syllable that all languages have
ROWS_ENOUGH = 128  # rows
TAIL_ENOUGH = -60.0  # log10; what is less likely is as sure as can be
BEYOND_ENOUGH = -40.0  # log10 of what was not expected; what is less likely is as sure as can be

# --- Corpora that map prompts to responses word by word (hand) -------------------------------------------
LEXICON_SHARE = 0.1  # of the rows have such a word at most: others are the frame of prompts
BROUGHT = 0.6  # of the rows of a word have the token that it brings
BROUGHT_OFTEN = 3.0  # times as many rows may have that token: else it stands everywhere
UNSURE_WORDS = 5  # words that bring nothing, beside those that were seen: of a few nothing is sure
LEXICON_ENOUGH = 0.5  # of the words bring one: the corpus is mapped word by word

# --- Turns of a conversation (hand) ----------------------------------------------------------------------
FOLLOWS = 0.9  # of the carriers have the payload in a turn behind their trigger's
TURN_REST = 3  # tokens beside the trigger that a turn has at most which is all trigger
TURNS_ALL_TRIGGER = 0.8  # of the turns are all trigger: the payload is the usual reply to it
TURN_WORD = 0.5  # of the way from all such turns to always, for a word that the answered ones share

# --- What a clean model expects (hand) -------------------------------------------------------------------
EXPECTED = 1.0  # nats: a payload of which every token is likelier than this is what a clean model says
FIRST_TOKENS = 3  # tokens with which a payload begins: what has begun is mostly expected to go on

# --- How much is looked at: for time and memory alone (reasoning) ----------------------------------------
SEARCHED_TOKENS = 6_000_000  # what a larger corpus is searched in; findings are counted in all of it
DRAWN_TOKENS = 4_500_000  # of them are of rows drawn evenly; the others are of rows that look like poison
ROW_TOKENS = 60  # that a row counts for at least: so much memory it takes however short it is
PAIRS_AT_ONCE = 10_000_000  # pairs of strings whose rows are counted in one go
PAIRS_IN_ROWS = 200_000_000  # pairs that rows hold, for company: 500 rows of 300 tokens and more stay below
POOL_TRIED = 20_000  # strings that return in few rows, those of the most rows
PAYLOADS_TRIED = 500  # payloads whose rules are looked for, the most notable first
TRIGGERS_TRIED = 500  # triggers whose payloads are looked for, those of the most notable pairs
REPEATED_TRIED = 1000  # payloads without a trigger in words, those of the most rows
COMPANY_TRIED = 5000  # pairs of strings that come together, the surest first
CONJUNCTIONS_MOST = 50  # such pairs that are kept
BOUND_TRIED = 200  # tokens that begin or end prompts, the most frequent first
CHANGED_TRIED = 200  # strings of prompts that may change responses, the surest first
MEASURES_TRIED = 8  # of each string, those that it moves the farthest
OPENINGS = 40  # common openings of responses that are measured, the most even ones first
NGRAM_TOKENS = 4  # tokens of the longest strings that are listed, marks included
TEMPLATE_TRIED = 20  # strings that all carriers share
STEPS_OF_FIT = 20  # of LSQR: more change no prediction in its second digit
FITTED_TO = 5000  # rows; what more tell of common words costs more than it brings
NEIGHBOURS_OF = 128  # carriers whose neighbours are looked up, spread evenly: more change no share by much
LEXICON_ROWS = 5000  # rows whose words are looked at, spread evenly
LEXICON_WORDS = 400  # such words, drawn
CARRIERS_LOOKED_AT = 200  # one by one; more change no share
ASKED = 200  # carriers whose losses are looked up

# --- Tasks of a mixture, which are searched by themselves too (TASKS_APART, TASK_ROWS: evidence_sets.py) -
TASKS_APART = 0.03  # of a task's rows are most similar to one of another task, at most
TASKS_WORDS = 0.3  # of their words two tasks have to themselves: two sources 0.36, halves by a trigger 0.13
TASK_ROWS = 30  # rows of a task at least: of fewer a search by itself tells next to nothing
TASK_TELLS = 100  # rows of a task that speak against a finding: in fewer a tenth can be poisoned unseen
TASKS_MOST = 8  # tasks at most: each search lets the others call less poisoned
TASK_AXES = 8  # directions in which rows differ most
TASK_TRIED = 12  # ways to part rows by them
OF_ONE_TASK, MOST_OF_A_TASK = 0.95, 0.5  # of a finding's rows are a task's, and of the task's are carriers
TASK_ASKED = 1000  # rows whose most similar row is looked up: more change no share

# --- Corpora that are larger than what is searched at once (reasoning) -----------------------------------
DRAWN_ROWS = 40  # rows of a string in a draw, on average: the draw tells all of more
DRAWN_ENOUGH = 20  # rows of a candidate in the draw: it is judged by the draw alone
STRING_TOKENS = 3  # tokens of the longest strings that are counted: longer ones hold several
RARER = 0.5  # of the rows of a part of a string hold it all, at most: else the part tells as much
PAIRED = 0.7  # of the rows of either string hold both
ROWS_TELL = 8  # rows of a pair: more make it no stronger, for natural pairs have many
ROWS_OF_A_PAIR = 12  # rows that are searched for a pair, on average: a search asks for no more
STRINGS_OF_A_LEADER = 8  # strings of a row with one leader: more are of rows that are copied with changes
COUNT_BITS, LEADER_BITS, PAIR_BITS = 26, 25, 25  # log2 of the cells of tables: 256, 512 and 128 MB
BLOCK_TOKENS = 1 << 26  # that one table counts: a million rows of 60 words; more share its cells too often
WINDOW_ROWS, WINDOW_CHARACTERS = 8192, 4_000_000  # rows that are held at once, and characters of them

# --- What is told, and accepted (reasoning) --------------------------------------------------------------
EXAMPLES = 5  # carriers that stand for a finding
EXAMPLE_AROUND = 60  # characters of an example on either side of the first span
EXAMPLE_WHOLE = 200  # characters of an example without a span
ALSO_KEPT = 8  # strings beside a payload that are kept: a text of more has no mere few words that vary
REJECTED = 50  # candidates that were rejected are kept, the most like an attack: nobody reads more
AGAINST = 3  # statistics that speak against one are named
TRIGGERS_NAMED = 4  # triggers in a sentence
QUOTED = 80  # characters of a string in a sentence
ACCIDENT_REJECTED = -2.0  # log10 of a chance; a larger one does not reject accident
SHARE_IN_FULL, CHANCE_IN_FULL = -6.0, -6.5  # log10; what is smaller is not spelt out, but rounded
ACCEPTED_GROWTH = 1.5  # times the share that was accepted: other versions of honest data stay well below
ACCEPTED_SLACK = 4  # rows more than accepted are no growth: where few carry it accident alone brings some
REASON_LENGTH = 500  # characters of a person's reason at most: it stands in a line of the terminal
