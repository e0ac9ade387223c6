package io.satchel.image.format;

import io.satchel.image.block.BlockDevice;
import java.io.IOException;

/** An image that knows which content it was made over, and is refused over another one. */
public interface Linked {
  /**
   * Says in the image that it lies over a disk as that is now. Only right when what it reads as
   * stays what it was, as after a commit.
   */
  void adopt(BlockDevice below) throws IOException;
}
