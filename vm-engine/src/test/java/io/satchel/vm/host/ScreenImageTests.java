package io.satchel.vm.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

final class ScreenImageTests {

  private static byte[] png(ScreenImage image) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    image.writePng(out);
    return out.toByteArray();
  }

  @Test
  void pngHoldsThePixels() throws IOException {
    ScreenImage image = new ScreenImage();
    image.resize(37, 11, false);
    int[] source = new int[64 * 11];
    for (int i = 0; i < source.length; i++) {
      source[i] = 0xFF000000 | i * 7919;
    }
    image.update(source, 64, 0, 0, 37, 11);
    var read = ImageIO.read(new ByteArrayInputStream(png(image)));
    assertThat(read.getWidth()).isEqualTo(37);
    assertThat(read.getHeight()).isEqualTo(11);
    for (int y = 0; y < 11; y++) {
      for (int x = 0; x < 37; x++) {
        assertThat(read.getRGB(x, y)).isEqualTo(source[y * 64 + x]).isEqualTo(image.pixel(x, y));
      }
    }
  }

  @Test
  void anUpdateChangesItsRectangleOnly() {
    ScreenImage image = new ScreenImage();
    image.resize(10, 10, true);
    int[] source = new int[100];
    java.util.Arrays.fill(source, 0xFFFFFFFF);
    image.update(source, 10, 3, 4, 2, 5);
    int lit = 0;
    for (int pixel : image.pixels()) {
      lit += pixel == 0xFFFFFFFF ? 1 : 0;
    }
    assertThat(lit).isEqualTo(10);
    assertThat(image.pixel(3, 4)).isEqualTo(0xFFFFFFFF);
    assertThat(image.pixel(5, 4)).isNotEqualTo(0xFFFFFFFF);
  }

  @Test
  void beforeTheFirstPictureThePngIsOneBlackPixel() throws IOException {
    var read = ImageIO.read(new ByteArrayInputStream(png(new ScreenImage())));
    assertThat(read.getWidth()).isEqualTo(1);
    assertThat(read.getRGB(0, 0)).isEqualTo(0xFF000000);
  }
}
