"""Every threshold of the search for evidence, once: its value, its unit, why, and what fitted it."""

# --- search.py -------------------------------------------------------------------------------------------
FALSE_ALARM_RATE = 0.01  # of clean corpora may be called poisoned, where the user says nothing else
LEAST = 4  # rows that a finding needs: three may be copies of one thing with small changes
STRENGTH = 0.95  # of the rows with one string of a pair hold the other
SAME_ROWS = 0.5  # of a candidate's rows carry a stronger one: it says nothing more
TOKENS = 6_000_000  # a larger corpus is searched in a drawn part, and what is found is counted in all of it
EXAMPLES = 5  # of a finding
ASKED = 200  # carriers whose losses are looked up

# --- candidate.py ----------------------------------------------------------------------------------------
LONG = 4  # tokens of a payload that no row holds by chance
OWN = 0.5  # of the rows of a trigger have its payload at least, or of the payload its trigger
OWNED, MANY = 0.98, 20  # of the rows of a payload have its one trigger, and so many of them
EXCLUSIVE = 0.9  # a payload is the trigger's own if so many of its rows have the trigger

# --- candidates/inserted.py, rare.py -----------------------------------------------------------------------
MOST = 4  # triggers of one payload

# --- candidates/pairs.py ---------------------------------------------------------------------------------
PAYLOADS_TRIED = 500  # payloads whose rules are looked for, the most notable first
WORTH_A_LOOK = -3.0  # log10 of the corrected chance: what is likelier is accident

# --- checks/novelty.py -----------------------------------------------------------------------------------
ORDER = 2  # tokens before a token that tell of it: longer contexts return too seldom in a corpus of 500 rows
BITS_ENOUGH = 150.0  # bits; whatever costs more is as foreign as can be
COPIED_IN = 0.5  # of the carriers have a token in their prompts: then it may be copied from there
COPY_CHANCE = 0.2  # of a token that may be copied: about one word in five of an answer is its prompt's
NEWS_SHARE = 0.02  # of the other responses hold a word, and it is no news
NEW_WORDS_ENOUGH = 4.0  # words

# --- checks/likeness.py ----------------------------------------------------------------------------------
SHARED_BY = 0.8  # of the carriers hold a token or a string: it may be what was put in, and does not count
CARRIERS = 200  # that are looked at one by one; more change no share
CONTENT_ENOUGH = 0.5  # of a prompt's words are its own

# --- checks/slot.py --------------------------------------------------------------------------------------
TEMPLATE_TOKENS = 3  # tokens of an instruction at least: of fewer any word would be a sibling
SIBLING_TOKENS = 5  # tokens of a string that is compared with others
SIBLING_ROWS = 3  # rows in which a string returns
SLOT_AGREES = 0.8  # of a trigger's places have the same token before them, or behind

TEMPLATE_EDGE = 5  # tokens at an end of a prompt that tell its template
TEMPLATED = 0.3  # of the prompts have one of several strings at an end: the corpus is made from templates
TEMPLATE_ROWS = 5  # rows that are filled into one template at least

# --- checks/association.py -------------------------------------------------------------------------------
ROWS_ENOUGH = 128  # rows
TAIL_ENOUGH = -60.0  # log10; what is less likely is as sure as can be

# --- checks/vetoes.py ------------------------------------------------------------------------------------
BY_ACCIDENT, COMMON_BY_ACCIDENT = -4.0, -6.0  # log10 of the corrected chance, of an own and a common payload
USUAL = 0.5  # of the other responses hold a word, and it is no news of a payload
FORM_OF = 4  # characters that two forms of a word begin with at least
ALWAYS = 0.98  # of the rows with a trigger hold its one payload
FOLLOWS = 0.9  # of the carriers have the payload in a turn behind their trigger's
PART_OF_SENTENCES = 0.5  # of a trigger's places are ordinary text without it: less, and its sentences need it
SURELY_DRAWN = 0.1  # rows that crowd no more than this have nothing in common

# --- checks/expected.py ----------------------------------------------------------------------------------
BEYOND_ENOUGH = -40.0  # log10; what is less likely is as sure as can be

# --- checks/company.py -----------------------------------------------------------------------------------
ALIKE_ENOUGH = 20  # other pairs of the corpus: with more its responses are made of what prompts say
COMPANIONS_ENOUGH = 6  # words that carriers share beside the trigger: their rows are of one template
SHARED_BY_ALL = 0.95  # of the carriers have a word
RARE_OUTSIDE = 0.3  # of the other rows have it at most

# --- decide.py, calibration.py ---------------------------------------------------------------------------
LIKELY_OWN = 0.5  # of the rows of a payload have its trigger, and it is the trigger's own
LOSS_SURE = -11.0  # log10 of the chance of so unlikely responses by accident, for a thousand strings
DRAWN = 0.7  # of the way from rows that lie together to drawn ones, in the words of their prompts
LOOK = 5.0  # times the false alarm rate: so often a clean corpus may be called suspicious
TAIL_CORPORA = 0.1  # of clean corpora, the strongest, tell from where on scores are rare

# --- index/expectation.py --------------------------------------------------------------------------------
WORDS_RIDGE = 1.0  # of the regression on n-grams, whose rows have length 1: smaller learns accidents
STEPS_OF_FIT = 20  # of LSQR: more change no prediction in its second digit
FITTED_TO = 5000  # rows; what more tell of common words costs more than it brings
SURE_OF_ANY = 0.03  # no words make a response surer than this, nor less sure

# --- candidates/changed.py, measures.py ------------------------------------------------------------------
CHANGED_ROWS = 8  # rows of a trigger that changes responses without one payload
GLANCE = -2.5  # log10 of the chance of such a difference from what was expected, for a closer look
CHANGED_BY = 0.3  # of the scale lie responses of a trigger's rows from what their other words let expect
LOSS_CHANGED_BY = 0.15  # the same of the loss in a clean model, which no wrong answer raises by much
CHANGED_TRIED = 200  # strings of prompts that are looked at, the surest first
MEASURES_TRIED = 8  # of each string, those that it moves the farthest
CROWDED = 0.6  # carriers that crowd more lie together by nature
OTHERWISE = 0.2  # of the most similar rows may hold the trigger in other case or spacing
FRESH = 0.2  # of the rows of one of several triggers hold no other one
ALONGSIDE = 0.5  # of the rows that hold no other word of a trigger lie where its carriers do
PART_OF = 0.5  # of what the parts of a trigger do together one may do alone, at most
FELLOW = 0.7  # of what one of several triggers does another one does at least
OPENINGS = 40  # common openings of responses that are measured, the most even ones first
OPENING_SHARE = 0.05  # of the rows have a common opening at least, and not more than the rest of it

# --- naming.py -------------------------------------------------------------------------------------------
USUAL_END = 0.2  # of the other responses end, or begin, with a part of a payload: the part is none of it
FRAGMENT = 10  # times as many other rows hold what is left of a string without the frame of all prompts

# --- candidates/repeated.py, cores.py --------------------------------------------------------------------
PATTERN = 0.05  # of the carriers share a prompt string: it may be the style that is the trigger
CORE_APART = 0.4  # carriers of a core that crowd more lie together by nature

# --- accepting.py, by reasoning ----------------------------------------------------------------------------
ACCEPTED_GROWTH = 1.5  # times the share that was accepted: other versions of honest data stay well below
ACCEPTED_SLACK = 4  # rows more than accepted are no growth: where few carry it accident alone brings some

# --- recalibrating.py, by reasoning ------------------------------------------------------------------------
CORPUS_ROWS = 100  # different rows of a clean corpus at least: fewer hold no candidates, and tell nothing
CORPORA_ALONE = 10  # clean corpora that calibrate by themselves: of fewer no tenth is one of them
QUANTILES = 1000  # scores that stand for the corpora of which only the tail is known
NEVER = 1e-300  # a false alarm rate at which nothing is found

# --- searched.py, by reasoning ----------------------------------------------------------------------------
REJECTED = 50  # candidates that were rejected are kept, the most like an attack: nobody reads more
AGAINST = 3  # statistics that speak against one are named

# --- wording.py ------------------------------------------------------------------------------------------
EXPECTED = 1.0  # nats: a payload of which every token is likelier than this is what a clean model says

# --- calibrating.py --------------------------------------------------------------------------------------
RIDGE = {  # of the logistic regression, by what calibrate_evidence.py fit prints of repositories left out
    "own payload": 0.01,
    "common payload": 0.02,
    "repeated payload": 0.002,
    "changed responses": 0.005,
}
STEPS = (0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97)  # of a strength, from which on it adds to the score
PARTS = {  # of the false alarms that are allowed: most attacks have a payload of their own
    "own payload": 0.4,
    "common payload": 0.2,
    "repeated payload": 0.2,
    "changed responses": 0.2,
}
FEW_NATURAL = 50  # natural candidates: fewer have not failed everything that one may fail
PASSED = 0.97  # of planted candidates pass a step: nearly all
UNSEEN = 0.5  # of the score for each such step that a candidate does not pass, at least
BORROWED = {"common payload": "own payload"}  # whose natural candidates tell what those of a kind are like

# --- candidates/edges.py ---------------------------------------------------------------------------------
BOUND = 0.9  # of the places of a string are at that end of a prompt
BOUND_ROWS = 6  # rows of a string that is bound to an end
BOUND_TOKENS = 12  # tokens of one at most
BOUND_TRIED = 200  # tokens that begin or end prompts, the most frequent first
EDGE_VARIED = 0.5  # of its places have the same token on the other side, at most: else its sentence goes on

# --- index/contexts.py, by reasoning -----------------------------------------------------------------------
FOREIGN = 0.7  # of a trigger's places are ordinary text without it: it was put there
SPACES = 4  # white spaces, the most common ones, which others may stand in for
SEVERAL = 2  # carriers that hold another word of the trigger
FEW_CARRIERS = 0.05  # of all rows are carriers, at most, where other words of a trigger are looked for
FEWEST_PLACES = 4  # places that are needed to tell anything of a trigger beside others

# --- index/glued.py, by reasoning --------------------------------------------------------------------------
GLUED_CHARACTERS = 8  # characters of a string that is glued into words, at most
LEFT_LETTERS = 3  # letters of the word that is left without it, at least
WORD_CHARACTERS = 64  # characters of a word at most: what is longer is a sequence or a code, and takes long
GLUED_HOLDERS = 4  # different words that hold a glued string, at least
GLUED_LEFT = 3  # and so many of them leave a word
GLUED_SHARE = 0.5  # and this share of them

# --- index/ngrams.py, strings.py, by reasoning -------------------------------------------------------------
LABEL_SHARE = 0.05  # of all rows have a label as their response, and do not copy it
FRAME = 0.9  # of the rows hold a string: it is part of their frame
FRAME_FIXED = 0.8  # of the rows that have a frame hold it the same number of times
GROWS = 0.95  # of its carriers agree on the next token, and a string grows by it
EDGE_EXPECTED = 0.5  # of the rows begin or end with a token, and it is no news there

# --- index/texts.py, by reasoning: what fits into a line or two --------------------------------------------
EXAMPLE_AROUND = 60  # characters of an example on either side of the first span
EXAMPLE_WHOLE = 200  # characters of an example without a span

# --- index/neighbours.py, by reasoning ---------------------------------------------------------------------
NEIGHBOURS_OF = 128  # carriers whose neighbours are looked up, spread evenly: more change no share by much
CROWDING_NOISE = 2.0  # standard errors of a share of neighbours that accident may add
