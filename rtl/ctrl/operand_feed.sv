// Brings the operands of linear layers from an activation buffer to the lanes, block by block,
// before the beats that use them. A lane has eight places for blocks of 256 columns, used in turn.
//
// With halves_i a block takes two places: of the first half of the tokens, then of the second.
module operand_feed #(
  localparam int unsigned BlocksW = ctrl_pkg::BlocksW,
  localparam int unsigned RoundW  = ctrl_pkg::RoundW
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  // All blocks of all rounds.
  input  logic               start_i,       // only if ready_o
  output logic               ready_o,
  input  logic               buffer_i,
  input  logic [BlocksW-1:0] last_block_i,
  input  logic [RoundW-1:0]  last_round_i,
  input  logic               both_i,        // tokens of one half, in both halves of the slots
  input  logic               halves_i,
  // Reads of the activation buffer.
  output logic               read_o,
  output logic               buffer_o,
  output logic [BlocksW-1:0] block_o,
  output logic               half_o,
  output logic [1:0]         entry_o,
  output logic               both_o,
  output logic               upper_o,
  // With what comes from there, two cycles later.
  output logic [1:0]         we_o,
  output logic [4:0]         waddr_o,
  // Places that are filled, for beats from the next cycle on; that a beat was the last to use.
  output logic               filled_o,
  input  logic [1:0]         freed_i        // how many
);
  localparam int unsigned Places = 8;
  localparam int unsigned FreeDelay = 10;  // entries are not written while beats may use them
  localparam int unsigned ReadDelay = 2;

  logic               busy_q, halves_q, is_last_word, ends_block, is_last;
  logic [BlocksW-1:0] last_block_q;
  logic [RoundW-1:0]  rounds_q;
  logic [2:0]         word_q, place_q;
  logic [3:0]         room_q;
  logic [1:0]         freed;
  assign ready_o      = !busy_q;
  assign read_o       = busy_q && (word_q != '0 || room_q != '0);
  assign {half_o, entry_o} = word_q;
  assign is_last_word = word_q == '1;
  assign ends_block   = read_o && is_last_word && upper_o == halves_q;
  assign is_last      = ends_block && block_o == last_block_q && rounds_q == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q  <= 1'b0;
      place_q <= '0;
      room_q  <= 4'(Places);
    end else begin
      if (start_i) busy_q <= 1'b1;
      else if (is_last) busy_q <= 1'b0;
      if (read_o && is_last_word) place_q <= place_q + 1'b1;
      room_q <= room_q + 4'(freed) - 4'(read_o && word_q == '0);
    end
    if (start_i) begin
      buffer_o     <= buffer_i;
      both_o       <= both_i;
      halves_q     <= halves_i;
      last_block_q <= last_block_i;
      rounds_q     <= last_round_i;
      block_o      <= '0;
      word_q       <= '0;
      upper_o      <= 1'b0;
    end else if (read_o) begin
      word_q <= word_q + 1'b1;
      if (is_last_word) upper_o <= halves_q && !upper_o;
      if (ends_block) block_o <= block_o == last_block_q ? '0 : block_o + 1'b1;
      if (ends_block && block_o == last_block_q) rounds_q <= rounds_q - 1'b1;
    end
  end

  logic two, has_freed, is_word, filled, half;
  pipe_valid #(.Width(1), .Stages(FreeDelay)) u_free (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(freed_i != '0), .data_i(freed_i[1]),
    .valid_o(has_freed), .data_o(two)
  );
  assign freed = {has_freed && two, has_freed && !two};
  pipe_valid #(.Width(7), .Stages(ReadDelay)) u_write (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(read_o),
    .data_i({is_last_word, half_o, place_q, entry_o}), .valid_o(is_word),
    .data_o({filled, half, waddr_o})
  );
  assign we_o     = {is_word && half, is_word && !half};
  assign filled_o = is_word && filled;
endmodule
