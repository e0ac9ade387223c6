/** Block devices: random access to the content of a disk, whatever file holds it. */
@NullMarked
package io.satchel.image.block;

import org.jspecify.annotations.NullMarked;
