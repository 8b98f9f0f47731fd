// Adds 16 partial sums without sign up in a tree: lanes 8, 4, 2 and 1 apart. Words of Lanes sums
// come in ascending order, one a cycle with load_i; the total comes 24 cycles after the last, and
// load_i rests until then.
//
// One adder of four stages does all: as results leave it in the order in which operands came, those
// 4, 2 and 1 apart are those of as many cycles before.
module sum_tree #(
  parameter int unsigned Lanes = 4  // of a word: 1, 2, 4, 8
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                load_i,
  input  logic [31*Lanes-1:0] word_i,
  output logic                valid_o,  // one cycle
  output logic [30:0]         total_o
);
  localparam int unsigned Words = 16 / Lanes;
  localparam int unsigned WordW = $clog2(Words);
  localparam int unsigned LaneW = Lanes == 1 ? 1 : $clog2(Lanes);
  if (fp_pkg::AddLatency != 4) begin : gen_check_latency
    $error("sum_tree's schedule is that of an adder with four stages");
  end

  // Cycles since the last word came. An addition 8, 4, 2 and 1 apart begins in those from 0, 8, 14,
  // 19.
  localparam logic [4:0] First4 = 5'd8;
  localparam logic [4:0] First2 = 5'd12;
  localparam logic [4:0] First1 = 5'd16;
  localparam logic [4:0] Done   = 5'd23;
  logic [4:0]       cycle_q;
  logic             is_busy_q;
  logic [WordW-1:0] word_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      is_busy_q <= 1'b0;
      word_q    <= '0;
    end else begin
      if (load_i) word_q <= word_q + 1'b1;
      if (load_i && word_q == '1) is_busy_q <= 1'b1;
      else if (cycle_q == Done) is_busy_q <= 1'b0;
    end
    cycle_q <= is_busy_q ? cycle_q + 5'd1 : 5'd0;
  end

  (* ram_style = "distributed" *)
  logic [31*Lanes-1:0] words [Words];
  always_ff @(posedge clk_i) begin
    if (load_i) words[word_q] <= word_i;
  end

  // Lanes i and i + 8 of cycle i.
  logic [3:0]          low, high;
  logic [31*Lanes-1:0] low_word, high_word;
  logic [30:0]         low_lane, high_lane;
  assign low       = {1'b0, cycle_q[2:0]};
  assign high      = {1'b1, cycle_q[2:0]};
  assign low_word  = words[low[3 -: WordW]];
  assign high_word = words[high[3 -: WordW]];
  if (Lanes == 1) begin : gen_one_lane
    assign low_lane  = low_word;
    assign high_lane = high_word;
  end else begin : gen_lanes
    assign low_lane  = low_word[31*low[LaneW-1:0] +: 31];
    assign high_lane = high_word[31*high[LaneW-1:0] +: 31];
  end

  logic [30:0] a, sum, sum_1_q, sum_2_q, sum_3_q, sum_4_q;
  always_comb begin
    if (cycle_q < First4) a = low_lane;
    else if (cycle_q < First2) a = sum_4_q;
    else if (cycle_q < First1) a = sum_2_q;
    else a = sum_1_q;
  end
  fp_add_positive u_add (
    .clk_i, .en_i(1'b1), .a_i(a), .b_i(cycle_q < First4 ? high_lane : sum), .sum_o(sum)
  );
  always_ff @(posedge clk_i) begin
    sum_1_q <= sum;
    sum_2_q <= sum_1_q;
    sum_3_q <= sum_2_q;
    sum_4_q <= sum_3_q;
  end
  assign valid_o = is_busy_q && cycle_q == Done;
  assign total_o = sum;
endmodule
