package io.satchel.app.open;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.satchel.app.demo.BootSectors;
import io.satchel.image.Answers;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.Overlay;
import io.satchel.image.block.ImageException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuestionTest {

  @TempDir private Path folder;
  private Path base = Path.of("");
  private Path top = Path.of("");

  @BeforeEach
  void twoFiles() throws IOException {
    base = BootSectors.demonstration(folder.resolve("base.qcow2"));
    top = folder.resolve("top.qcow2");
    Overlay.create(top, base);
  }

  private static IOException problem(Path image, Answers answers) {
    return Objects.requireNonNull(
        catchThrowableOfType(IOException.class, () -> open(image, answers).close()));
  }

  private static OpenedImage open(Path image, Answers answers) throws IOException {
    return Images.open(image, OpenOptions.readOnly().withAnswers(answers));
  }

  private Question.Missing missing() throws IOException {
    Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    Files.move(base, elsewhere.resolve("other.qcow2"));
    return (Question.Missing) Objects.requireNonNull(Question.of(problem(top, Answers.none())));
  }

  @Test
  void aFileThatMovedIsUsedThisTimeAndNothingIsWritten() throws IOException {
    final byte[] before = Files.readAllBytes(top);
    Question.Missing question = missing();
    assertThat(question.name()).isEqualTo("base.qcow2");
    assertThat(question.canKeep()).isTrue();
    Path now = folder.resolve("elsewhere").resolve("other.qcow2");
    try (OpenedImage opened = open(top, question.moved(Answers.none(), now))) {
      assertThat(opened.chain()).extracting(OpenedImage.Layer::path).contains(now);
    }
    assertThat(Files.readAllBytes(top)).isEqualTo(before);
    assertThat(Question.of(problem(top, Answers.none()))).isEqualTo(question);
  }

  @Test
  void aNewPlaceIsWrittenIntoTheImageWhenThatIsWanted() throws IOException {
    Question.Missing question = missing();
    Path now = Files.move(folder.resolve("elsewhere/other.qcow2"), folder.resolve("new.qcow2"));
    question.keep(now);
    try (OpenedImage opened = open(top, Answers.none())) {
      assertThat(opened.chain()).hasSize(2);
      assertThat(opened.chain().getLast().format()).isEqualTo("qcow2");
    }
  }

  @Test
  void aFileOutsideIsReadOnlyForTheImageThatWasAgreedTo() throws IOException {
    Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    Path far = elsewhere.resolve("far.qcow2");
    Overlay.create(far, base);
    Question question = Question.of(problem(far, Answers.none()));
    assertThat(question).isEqualTo(new Question.Outside(far, base));
    open(far, Answers.none().withOutside(far)).close();
    assertThatThrownBy(() -> open(far, Answers.none().withOutside(top)))
        .isInstanceOf(ImageException.class);
  }

  @Test
  void anEncryptedImageAsksUntilThePassPhraseIsRight() throws IOException {
    Path locked = BootSectors.encrypted(folder.resolve("locked.qcow2"), "open");
    Path over = folder.resolve("over.qcow2");
    assertThat(Question.of(problem(locked, Answers.none())))
        .isEqualTo(new Question.Locked(locked, false));
    Answers wrong = Answers.none().withKey(locked, bytes("close"));
    assertThat(Question.of(problem(locked, wrong))).isEqualTo(new Question.Locked(locked, true));
    Answers right = wrong.withKey(locked, bytes("open"));
    Overlay.create(over, locked, OpenOptions.readOnly().withAnswers(right));
    try (OpenedImage opened = open(over, right)) {
      assertThat(opened.chain()).as("also as a backing file").hasSize(2);
    }
    assertThat(right.toString()).doesNotContain("open");
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void whatNobodyCouldAnswerIsNoQuestion() throws IOException {
    assertThat(Question.of(problem(folder.resolve("nowhere.img"), Answers.none()))).isNull();
    assertThat(Question.of(new IOException("anything"))).isNull();
    Path zip = Files.write(folder.resolve("a.zip"), new byte[] {'P', 'K', 3, 4});
    assertThat(
            Question.of(
                new ImageException(ImageException.Kind.ENCRYPTED, zip, "is encrypted", "unpack")))
        .isNull();
  }
}
