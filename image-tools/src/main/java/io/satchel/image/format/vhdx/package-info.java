/** Hyper-V disk images (VHDX). */
@NullMarked
package io.satchel.image.format.vhdx;

import org.jspecify.annotations.NullMarked;
