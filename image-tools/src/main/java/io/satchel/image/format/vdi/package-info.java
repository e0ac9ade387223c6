/** VirtualBox disk images (VDI). */
@NullMarked
package io.satchel.image.format.vdi;

import org.jspecify.annotations.NullMarked;
