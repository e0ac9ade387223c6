/** Compressed loop images of live CDs (cloop). */
@NullMarked
package io.satchel.image.format.cloop;

import org.jspecify.annotations.NullMarked;
