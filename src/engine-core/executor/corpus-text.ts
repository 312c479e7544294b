/**
 * The text that `--token-source corpus` reads from: short plain sentences, one a line, so that an answer may begin with
 * any of them and still make sense.
 */
export const CORPUS_SENTENCES: readonly string[] = Object.freeze(
  `The harbour wakes before the town does.
Boats leave in the dark and come home with the light behind them.
A good baker listens to the dough as much as to the clock.
Bread that is hurried never tastes of anything but hurry.
The old bridge carries one cart at a time, and everyone waits for everyone.
When the river is high, the ferryman reads its colour before he trusts it.
Snow makes the hills look nearer than they are.
Walk for an hour and the village is still at the edge of the same white field.
A garden remembers what was planted there, even when the gardener forgets.
Roses ask for little more than sun, water and somebody to cut them back.
The library keeps its quietest room for people who read aloud to themselves.
Every shelf has a book that nobody borrows and nobody dares to throw away.
A map is a promise that somebody has been there before.
It leaves out the weather, the mud and the dogs, which are what you remember.
The clock in the station is two minutes slow, and the trains have learned it.
People who run for a train often catch the one before it.
Rain on a tin roof is the best reason to stay in bed.
By noon the street is dry and the children have taken it back.
The teacher wrote one question on the board and left it there all week.
By Friday there were eleven answers, and none of them was wrong.
Coffee should be hot, tea should be patient, and soup should be both.
The cook tastes with a wooden spoon and says nothing until she is sure.
Salt is added early and taken back never.
A lighthouse does not search for ships; it stands still so that they can find it.
Its keeper counts the seconds between two flashes the way others count sheep.
In winter the waves reach the door, knock, and go away again.
A letter takes three days to cross the mountains and a minute to be read.
The answer may take a year to write.
Birds know the way south without having been told.
The young ones leave first and are overtaken by the old ones on the road.
There is a bench on the hill from which you can see two countries.
Nobody can say exactly where one ends, least of all the sheep.
The carpenter measures twice because wood is dear and time is cheap.
His tables stand on uneven floors without a wobble.
A question that fits on a postcard can keep a university busy for a century.
The simplest tools are the ones that are lent most often and returned last.
At the market the last hour is the cheapest and the most cheerful.
Apples that nobody bought in the morning are given away in the evening.
The tailor says that a coat should let you forget that you wear it.
A song is finished when it can be sung by somebody who has never heard it.
In the valley the echo answers politely and always agrees.
The doctor closes the door, sits down, and lets the silence do its work.
Good news travels slowly here, because everyone stops to tell it well.
The moon rises over the factory and makes it look like a castle.
Night trains smell of iron, oranges and other people's dinners.
Somewhere before the border the lights go out and the talking begins.
The fisherman mends his nets on Sunday and his quarrels on Monday.
When the wind turns, the whole harbour turns with it.
A child can walk on a wall for an hour and call it an expedition.
Old friends need no beginning; they go on from where they stopped.
The first frost comes in one night and stays for four months.
It draws ferns on the window and asks for no payment.
A well is only as deep as the patience of whoever dug it.
The water is cold, clear and a little proud.
Summer ends on the day when somebody closes a window.
After that, the evenings belong to soup, to stories and to the fire.
The road to the sea is longer on the way there than on the way back.
Nobody has ever been able to explain it, and everyone has checked.`.split('\n'),
);
