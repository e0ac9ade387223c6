package io.satchel.image.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.QemuImg;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Snapshots, dirty bitmaps, encrypted images and backing chains: what one program makes the other
 * one uses and changes, and then the first one goes on with it. Both know the same words, so each
 * story is told once.
 */
class BothWaysTest {
  @TempDir Path folder;

  /** A program that knows qemu-img's words, and qemu-io's behind {@code io}. */
  private enum Program {
    QEMU {
      @Override
      String run(List<String> words) {
        Object[] rest = words.subList(1, words.size()).toArray();
        QemuImg.Outcome outcome =
            words.getFirst().equals("io")
                ? QemuImg.tool("qemu-io", rest)
                : QemuImg.run(words.toArray());
        assertThat(outcome.status()).as(words + "\n" + outcome.out()).isZero();
        return outcome.out();
      }
    },
    SATCHEL {
      @Override
      String run(List<String> words) {
        ImgOracleTest.Outcome outcome = ImgOracleTest.img(words.toArray());
        assertThat(outcome.status()).as(words + "\n" + outcome.out() + outcome.err()).isZero();
        return outcome.out();
      }
    };

    abstract String run(List<String> words);
  }

  /**
   * Command lines: words between bars, {@code @} for the folder, and behind an arrow what the
   * output must hold.
   */
  record Story(String name, String make, String use, String again) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static final String KEY = "--object|secret,id=s,data=abc|";
  private static final String LUKS = "driver=luks,file.filename=@a,key-secret=s";
  private static final String INSIDE =
      "driver=qcow2,file.filename=@a,encrypt.format=luks,encrypt.key-secret=s";

  private static Story chain(String format, String below) {
    String over = "create|-f|" + format + "|-b|@base|-F|" + below + "|@over";
    return new Story(
        format + " over " + below,
        String.join(
            "\n",
            "create|-f|" + below + "|@base|4M",
            "io|-f|" + below + "|-c|write -P 1 0 2M|@base",
            over,
            "io|-f|" + format + "|-c|write -P 2 64k 64k|@over"),
        String.join(
            "\n",
            "info|--backing-chain|@over -> file format: " + below,
            "io|-f|" + format + "|-c|read -P 1 0 64k|-c|read -P 2 64k 64k|@over",
            "io|-f|" + format + "|-c|read -P 0 2M 2M|-c|write -P 3 3M 100k|@over",
            "map|@over -> base"),
        "io|-f|" + format + "|-c|read -P 3 3M 100k|-c|read -P 2 64k 64k|-c|read -P 1 1M 1M|@over");
  }

  static Stream<Story> stories() {
    List<Story> all = new ArrayList<>();
    for (String options : List.of("compat=1.1", "compat=0.10", "extended_l2=on")) {
      all.add(
          new Story(
              "snapshots, " + options,
              """
              create|-f|qcow2|-o|%s|@a|4M
              io|-c|write -P 1 0 1M|@a
              snapshot|-c|one|@a
              io|-c|write -P 2 0 64k|@a
              """
                  .formatted(options),
              """
              snapshot|-l|@a -> one
              io|-c|read -P 2 0 64k|-c|read -P 1 64k 64k|@a
              convert|-l|one|-O|raw|@a|@raw
              io|-f|raw|-c|read -P 1 0 1M|@raw
              snapshot|-c|two|@a
              snapshot|-a|one|@a
              io|-c|read -P 1 0 1M|-c|write -P 3 1M 1M|@a
              snapshot|-d|one|@a
              check|@a
              """,
              """
              snapshot|-l|@a -> two
              io|-c|read -P 1 0 1M|-c|read -P 3 1M 1M|@a
              snapshot|-a|two|@a
              io|-c|read -P 2 0 64k|-c|read -P 0 1M 1M|@a
              snapshot|-d|two|@a
              check|@a
              """));
    }
    all.add(
        new Story(
            "dirty bitmaps",
            """
            create|-f|qcow2|@a|4M
            bitmap|--add|-g|32k|@a|b0
            io|-c|write -P 1 0 1M|@a
            bitmap|--add|--disable|@a|b1
            """,
            """
            info|@a -> name: b0 -> granularity: 32768
            io|-c|write -P 2 2M 64k|@a
            bitmap|--merge|b0|--enable|@a|b1
            bitmap|--add|@a|b2
            convert|--bitmaps|-O|qcow2|@a|@copy
            info|@copy -> name: b0 -> name: b1
            check|@copy
            bitmap|--remove|@a|b0
            check|@a
            """,
            """
            info|@a -> name: b1 -> name: b2
            bitmap|--clear|--disable|@a|b1
            io|-c|read -P 2 2M 64k|-c|read -P 1 0 1M|@a
            bitmap|--remove|@a|b1
            check|@a
            """));
    for (boolean inside : List.of(false, true)) {
      String image = inside ? INSIDE : LUKS;
      String prefix = inside ? "encrypt." : "";
      String format = inside ? "qcow2" : "luks";
      all.add(
          new Story(
              inside ? "qcow2 with luks inside" : "luks",
              "create|%s-f|%s|-o|%s%skey-secret=s,%siter-time=10|@a|2M\n"
                      .formatted(KEY, format, inside ? "encrypt.format=luks," : "", prefix, prefix)
                  + "io|"
                  + KEY
                  + "--image-opts|-c|write -P 1 0 1M|"
                  + image,
              "io|"
                  + KEY
                  + "--image-opts|-c|read -P 1 0 1M|-c|write -P 2 1M 5k|"
                  + image
                  + "\ninfo|@a -> encrypted: yes"
                  + "\nconvert|"
                  + KEY
                  + "--image-opts|-O|raw|"
                  + image
                  + "|@raw"
                  + "\nio|-f|raw|-c|read -P 2 1M 5k|-c|read -P 1 0 1M|@raw"
                  + "\namend|"
                  + KEY
                  + "--object|secret,id=n,data=new|-o|"
                  + prefix
                  + "state=active,"
                  + prefix
                  + "new-secret=n,"
                  + prefix
                  + "iter-time=10|"
                  + "--image-opts|"
                  + image,
              "io|--object|secret,id=s,data=new|--image-opts|-c|read -P 2 1M 5k|"
                  + image
                  + "\nio|"
                  + KEY
                  + "--image-opts|-c|read -P 1 0 1M|"
                  + image));
    }
    for (String pair :
        "qcow2 qcow2,qcow2 raw,qcow2 vmdk,qcow2 vdi,qcow2 vpc,qcow2 qed,qcow raw,qed qcow2,vmdk vmdk"
            .split(",")) {
      Story chain = chain(pair.split(" ")[0], pair.split(" ")[1]);
      all.add(chain);
      String read =
          "io|-f|" + pair.split(" ")[1] + "|-c|read -P 2 64k 64k|-c|read -P 1 1M 1M|@base";
      all.add(
          new Story(
              chain.name() + ", committed",
              chain.make(),
              "commit|@over -> Image committed.\n" + read,
              read));
    }
    all.add(
        new Story(
            "a chain of three that is committed and rebased",
            """
            create|-f|qcow2|@a|4M
            io|-c|write -P 1 0 2M|@a
            create|-f|qcow2|-b|@a|-F|qcow2|@b
            io|-c|write -P 2 64k 64k|@b
            create|-f|qcow2|-b|@b|-F|qcow2|@c
            io|-c|write -P 3 128k 64k|@c
            """,
            """
            rebase|-b|@a|-F|qcow2|@c
            io|-c|read -P 1 0 64k|-c|read -P 2 64k 64k|-c|read -P 3 128k 64k|@c
            commit|@b
            io|-c|read -P 2 64k 64k|@a
            check|@c
            """,
            """
            io|-c|read -P 1 0 64k|-c|read -P 2 64k 64k|-c|read -P 3 128k 64k|@c
            rebase|-b||@c
            io|-c|read -P 1 0 64k|-c|read -P 2 64k 64k|-c|read -P 3 128k 64k|@c
            check|@a
            """));
    return all.stream();
  }

  @ParameterizedTest
  @MethodSource("stories")
  void madeByQemuImgThenUsedHereThenUsedByQemuImg(Story story) {
    tell(story.make(), Program.QEMU);
    tell(story.use(), Program.SATCHEL);
    tell(story.again(), Program.QEMU);
  }

  @ParameterizedTest
  @MethodSource("stories")
  void madeHereThenUsedByQemuImgThenUsedHere(Story story) {
    tell(story.make(), Program.SATCHEL);
    tell(story.use(), Program.QEMU);
    tell(story.again(), Program.SATCHEL);
  }

  private void tell(String lines, Program program) {
    for (String line : lines.lines().toList()) {
      String[] parts = line.replace("@", folder + "/").split(" -> ");
      String out = program.run(List.of(parts[0].split("\\|", -1)));
      assertThat(out).as(line).doesNotContain("failed");
      for (int i = 1; i < parts.length; i++) {
        assertThat(out).as(line).contains(parts[i]);
      }
    }
  }

  /** What qemu-img refuses with --bitmaps is refused here, and nothing is left behind. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "convert|--bitmaps|-O|raw|@a|@copy",
        "convert|--bitmaps|-O|qcow2|-f|raw|@a|@copy",
        "convert|--bitmaps|-O|qcow2|@a|@a|@copy",
        "convert|--skip-broken-bitmaps|-O|qcow2|@a|@copy"
      })
  void bitmapsAreNotCopiedWhereThatIsImpossible(String line) {
    tell("create|-f|qcow2|@a|1M\nbitmap|--add|@a|b0", Program.QEMU);
    Object[] words = line.replace("@", folder + "/").split("\\|");
    assertThat(QemuImg.run(words).status()).isEqualTo(1);
    folder.resolve("copy").toFile().delete();
    assertThat(ImgOracleTest.img(words).status()).isEqualTo(1);
    assertThat(folder.resolve("copy")).doesNotExist();
  }

  /** QEMU makes them still; new ones are made nowhere here, for the cipher is weak. */
  @ParameterizedTest
  @ValueSource(strings = {"qcow", "qcow2"})
  void imagesInTheOldEncryptionOfQemuAreRead(String format) {
    String how = "-O|" + format + "|-o|encrypt.format=aes,encrypt.key-secret=s|";
    String image = "driver=" + format + ",file.filename=@a,encrypt.format=aes,encrypt.key-secret=s";
    tell(
        String.join(
            "\n",
            "create|-f|raw|@raw|3M",
            "io|-f|raw|-c|write -P 1 0 1M|-c|write -P 2 1537k 333k|@raw",
            "convert|" + KEY + "-f|raw|" + how + "@raw|@a"),
        Program.QEMU);
    tell(
        String.join(
            "\n",
            "info|@a -> encrypted: yes",
            "compare|" + KEY + "--image-opts|" + image + "|driver=raw,file.filename=@raw",
            "io|" + KEY + "-r|--image-opts|-c|read -P 2 1538k 1k|-c|read -P 0 1M 512k|" + image,
            "convert|" + KEY + "--image-opts|-O|qcow2|" + image + "|@plain"),
        Program.SATCHEL);
    tell("compare|@plain|@raw", Program.QEMU);
    ImgOracleTest.Outcome locked =
        ImgOracleTest.img("convert", "-O", "raw", folder.resolve("a"), folder.resolve("b"));
    assertThat(locked.status()).isEqualTo(1);
    assertThat(locked.err()).contains("is encrypted; give its password");
    ImgOracleTest.Outcome written =
        ImgOracleTest.img(
            "io",
            "--object",
            "secret,id=s,data=abc",
            "--image-opts",
            "-c",
            "write 0 512",
            image.replace("@", folder + "/"));
    assertThat(written.status()).isEqualTo(1);
    assertThat(folder.resolve("b")).doesNotExist();
  }
}
