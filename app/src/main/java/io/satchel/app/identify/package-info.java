/** What is this file? The card that is shown before anything of an image runs. */
@NullMarked
package io.satchel.app.identify;

import org.jspecify.annotations.NullMarked;
