// Puts the page's parts together.

import { watchAvatars } from "./avatars.js";
import { Follower } from "./follow.js";
import { enhanceForms } from "./forms.js";
import { Connection } from "./live.js";
import { watchNotice } from "./notice.js";
import { receivePost, watchPosts } from "./posts.js";

watchAvatars();
watchNotice();
watchPosts();

const follower = new Follower((shown) => connection.acknowledge(shown));
const connection = new Connection((message, how) => follower.onNews(message, how), receivePost);

enhanceForms(() => connection.isLive);
