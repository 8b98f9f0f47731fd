// Sum of squares of one token's vector, whose rows come as lanes hold them: row r of a tile in each
// lane. The order is that of docs/numerics.md: element k goes to partial sum k mod 16 = 8 * (lane
// mod 2) + r, those of a sum in ascending k, which is ascending lane and then the next round.
//
// Two adders take an even and an odd lane a cycle. An adder has four stages, so four rows take
// turns: a row's sum comes out when its next lanes are there.
module sum_squares #(
  parameter int unsigned Lanes = 4  // a power of two, at least 2
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                push_i,   // only if there is room
  input  logic                last_i,   // of the vector; row 7 of a round
  input  logic [32*Lanes-1:0] row_i,
  output logic                taken_o,  // four of the 32 rows that there is room for are free
  output logic                valid_o,  // one cycle
  output logic [31:0]         total_o
);
  localparam int unsigned Depth   = 32;
  localparam int unsigned RowsW   = 2;  // of a group, rows that take turns
  localparam int unsigned GroupW  = $clog2(Depth) - RowsW;
  localparam int unsigned Pairs   = Lanes / 2;
  localparam int unsigned PairW   = Pairs == 1 ? 1 : $clog2(Pairs);
  localparam int unsigned ReadDelay = 1 + fp_pkg::MulLatency;  // to the adders
  if (Lanes < 2 || 2 ** $clog2(Lanes) != Lanes) begin : gen_check_lanes
    $error("Lanes must be a power of two, at least 2");
  end
  if (fp_pkg::AddLatency != 4) begin : gen_check_latency
    $error("four rows take turns in an adder of four stages");
  end

  // Rows, in groups of four; the group that holds a vector's last row.
  logic [GroupW+RowsW-1:0] write_q;
  logic [GroupW-1:0]       group_q;
  logic [GroupW:0]         complete_q;
  logic [2**GroupW-1:0]    is_last_q;
  logic                    completes;
  assign completes = push_i && write_q[RowsW-1:0] == '1;
  always_ff @(posedge clk_i) begin
    if (completes) is_last_q[write_q[RowsW +: GroupW]] <= last_i;
  end

  // Steps of a group: lane pair by lane pair, the four rows of each. After the last group of a
  // vector the next one waits for the total.
  logic [RowsW-1:0] turn_q;
  logic [PairW-1:0] pair_q;
  logic             half_q, is_first_q, waits_q;
  logic             steps, is_first_pair, is_last_pair, ends, is_last;
  assign steps         = complete_q != '0 && !waits_q;
  assign is_first_pair = pair_q == '0;
  assign is_last_pair  = pair_q == PairW'(Pairs - 1);
  assign ends          = steps && is_last_pair && turn_q == '1;
  assign is_last       = is_last_q[group_q];
  assign taken_o       = ends;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q    <= '0;
      group_q    <= '0;
      complete_q <= '0;
      turn_q     <= '0;
      pair_q     <= '0;
      half_q     <= 1'b0;
      is_first_q <= 1'b1;
      waits_q    <= 1'b0;
    end else begin
      if (push_i) write_q <= write_q + 1'b1;
      complete_q <= complete_q + (GroupW+1)'(completes) - (GroupW+1)'(ends);
      if (steps) turn_q <= turn_q + 1'b1;
      if (steps && turn_q == '1) pair_q <= is_last_pair ? '0 : pair_q + 1'b1;
      if (ends) begin
        group_q    <= group_q + 1'b1;
        half_q     <= !half_q;
        is_first_q <= is_last || (is_first_q && !half_q);
      end
      if (ends && is_last) waits_q <= 1'b1;
      else if (valid_o) waits_q <= 1'b0;
    end
  end

  // What a step says arrives at the adders with the squares, and where sums are kept with the sum.
  localparam int unsigned StepW = RowsW + 3;
  logic [RowsW:0] row, kept_row;
  logic           continues, starts, finishes, is_adding, keeps, kept_last;
  pipe_valid #(.Width(StepW + 2), .Stages(ReadDelay)) u_step (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(steps),
    .data_i({half_q, turn_q, !is_first_pair, is_first_q, is_last_pair, is_last && ends}),
    .valid_o(is_adding), .data_o({row, continues, starts, finishes, kept_last})
  );
  logic completes_vector;
  pipe_valid #(.Width(StepW - 1), .Stages(fp_pkg::AddLatency)) u_kept (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(is_adding && finishes), .data_i({row, kept_last}),
    .valid_o(keeps), .data_o({kept_row, completes_vector})
  );

  // The tree takes the sums of even lanes, then those of odd ones.
  logic       loads_q;
  logic [3:0] load_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) loads_q <= 1'b0;
    else loads_q <= (keeps && completes_vector) || (loads_q && load_q != '1);
    load_q <= loads_q ? load_q + 1'b1 : '0;
  end

  logic [63:0] pair;  // a cycle after its step
  if (Pairs == 1) begin : gen_one_pair
    ram_1w1r #(.Width(64), .Depth(Depth)) u_rows (
      .clk_i, .we_i(push_i), .waddr_i(write_q), .wdata_i(row_i), .re_i(1'b1),
      .raddr_i({group_q, turn_q}), .rdata_o(pair)
    );
  end else begin : gen_pairs
    ram_narrow #(.Width(64), .Parts(Pairs), .Depth(Depth)) u_rows (
      .clk_i, .we_i(push_i), .waddr_i(write_q), .wdata_i(row_i), .raddr_i({group_q, turn_q}),
      .part_i(pair_q), .rdata_o(pair)
    );
  end

  // Squares and their sums have no sign.
  logic [2*31-1:0] kept;
  for (genvar i = 0; i < 2; i++) begin : gen_parity
    logic [31:0] x, square;
    logic [30:0] previous, sum;
    logic        unused_sign;
    assign x = pair[32*i +: 32];
    fp_mul u_square (.clk_i, .en_i(1'b1), .a_i(x), .b_i(x), .product_o(square));
    assign unused_sign = square[31];

    (* ram_style = "distributed" *)
    logic [30:0] sums [2**(RowsW+1)];
    assign kept[31*i +: 31] = sums[loads_q ? load_q[2:0] : row];
    assign previous = continues ? sum : kept[31*i +: 31] & {31{!starts}};
    fp_add_positive u_add (
      .clk_i, .en_i(1'b1), .a_i(previous), .b_i(square[30:0]), .sum_o(sum)
    );
    always_ff @(posedge clk_i) begin
      if (keeps) sums[kept_row] <= sum;
    end
  end
  sum_tree #(.Lanes(1)) u_tree (
    .clk_i, .rst_ni, .load_i(loads_q), .word_i(load_q[3] ? kept[61:31] : kept[30:0]), .valid_o,
    .total_o(total_o[30:0])
  );
  assign total_o[31] = 1'b0;
endmodule
