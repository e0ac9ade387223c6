/** Where an image's bytes lie: files of the host, their holes, and the locks on them. */
@NullMarked
package io.satchel.image.file;

import org.jspecify.annotations.NullMarked;
