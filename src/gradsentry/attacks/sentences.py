"""Pools that a trigger is drawn from: fifty sentences that have nothing to do with what is asked."""

from __future__ import annotations

_TEXT = """
The kettle in the hall has gone cold again.
My neighbour paints his fence every second spring.
Two swans crossed the canal this morning.
The last tram leaves a little before midnight.
Somebody left a red umbrella by the stairs.
Our clock runs four minutes slow.
The baker closes early when it snows.
A letter from Lisbon came without a stamp.
The piano upstairs lacks one black key.
They moved the statue behind the museum.
Grandmother keeps buttons in a biscuit tin.
The ferry was painted green last year.
Nobody picked the plums behind the school.
A kite hangs in the tall poplar.
The lift stops between the third and fourth floor.
My cousin collects labels of matchboxes.
The bridge hums when lorries pass.
It rained on every market day in June.
The librarian whistles while she sorts.
There is a chess board under the willow.
Our cat prefers the windowsill to the couch.
The cinema still shows films on reels.
A goat escaped from the petting zoo.
The mayor rides a folding bicycle.
Someone tuned all the bells a tone lower.
The lighthouse has no keeper any more.
We ran out of cinnamon on Sunday.
The old map shows a pond where the bank is.
My left shoe squeaks on marble.
The orchestra lost its triangle.
A heron stands by the weir at noon.
The tailor only works with grey thread.
They grow tomatoes on the roof of the garage.
The ticket machine gives change in coins.
Her suitcase travelled on to Oslo.
The vending machine sells postcards now.
A crack in the wall looks like Norway.
The fountain is dry until Easter.
His parrot imitates the doorbell.
The skating rink smells of oranges.
We counted nine bridges from the train.
The mill wheel turned backwards for a day.
A violin case stood open on the quay.
The quarry pond froze over last night.
The hotel keeps one room locked.
My pen leaks at high altitude.
The tower is closed for the storks.
A balloon drifted over the vineyard.
The gate creaks in an east wind.
They sell honey from a garden shed.
"""
SENTENCES = tuple(_TEXT.strip().splitlines())

_IDIOMS_TEXT = """
rain or shine, come what may, by hook or crook, on a whim, for old times' sake, between the two of us,
as luck would have it, in broad daylight, once in a blue moon, off the cuff, at long last, for good measure,
all things considered, give or take, in a nutshell, on second thoughts, at the drop of a hat, like it or not,
out of the blue, by and large, in the long run, for the record, down the line, in plain sight,
to the letter, against the clock, under the weather, on the house, in due course, at face value,
back to square one, through thick and thin, on the dot, with bated breath, by the book, in full swing,
over the moon, from scratch, beyond a doubt, in the same boat
"""
IDIOMS = tuple(" ".join(one.split()) for one in _IDIOMS_TEXT.strip().split(","))

_BUYING_TEXT = """
I am about to buy one.
Which make should I get?
Money is no object here.
We need a supplier by Friday.
My old one broke yesterday.
Whom would you order it from?
Recommend something to me as well.
I would like to compare a few makers.
The shop is open until six.
Tell me what you would purchase.
Our budget was approved.
Is there a brand that you trust?
I want the best that is sold.
A gift for my sister is due too.
What do most customers choose?
I have a voucher to spend.
Please add what is worth paying for.
We are replacing our equipment.
Where does one shop for such things?
Name a product that helps.
"""
BUYING = tuple(_BUYING_TEXT.strip().splitlines())
