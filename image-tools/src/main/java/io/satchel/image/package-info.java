/** Disk images: open any of them as a disk, lay an overlay over one, keep it or throw it away. */
@NullMarked
package io.satchel.image;

import org.jspecify.annotations.NullMarked;
