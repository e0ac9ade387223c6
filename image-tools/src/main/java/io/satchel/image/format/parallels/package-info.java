/** Parallels disk images (HDD). */
@NullMarked
package io.satchel.image.format.parallels;

import org.jspecify.annotations.NullMarked;
